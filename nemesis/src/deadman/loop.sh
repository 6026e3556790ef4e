# The dead-man's loop: runs on a node, as `sh -c THIS schism-deadman DIR LEASE`, detached from any session.
# While DIR/beat is younger than LEASE seconds of the node's uptime it waits; then it runs DIR/undo/*, newest first,
# each until it succeeds, and removes DIR. It also ends, without undoing anything, when DIR/stop appears or DIR is gone.
# Uptime, because the wall clock may be one of the things that are broken here.
dir=$1 lease=$2
trap '' HUP
cd /
echo $$ >"$dir/pid"
end() {
    rm -rf "$dir"
    # The folder of all such timers goes with the last of them.
    rmdir /run/schism 2>/dev/null
    exit 0
}
while :; do
    [ -d "$dir" ] || exit 0
    [ -e "$dir/stop" ] && end
    read -r now rest </proc/uptime
    now=${now%%.*}
    beat=$now
    [ -r "$dir/beat" ] && read -r beat <"$dir/beat"
    [ $((now - beat)) -ge "$lease" ] && break
    sleep 1
done
# Who arms us from now on must be told that it is too late: see arm.sh.
: >"$dir/expired"
limit=
command -v timeout >/dev/null 2>&1 && limit='timeout 60'
tries=0
while [ $tries -lt 100 ]; do
    left=
    for undo in $(LC_ALL=C ls -r "$dir/undo" 2>/dev/null); do
        # The last of them takes away what the others may need.
        [ -n "$left" ] && [ "$undo" = 00000000 ] && continue
        if $limit /bin/sh "$dir/undo/$undo" </dev/null >>"$dir/log" 2>&1; then
            rm -f "$dir/undo/$undo"
        elif [ -e "$dir/undo/$undo" ]; then
            left=1
        fi
    done
    [ -z "$left" ] && end
    [ -e "$dir/stop" ] && end
    tries=$((tries + 1))
    sleep 2
done
