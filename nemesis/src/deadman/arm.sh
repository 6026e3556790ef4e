# Puts the undo on standard input under the name $3 into the care of the dead-man called $1 with a lease of $2 seconds, and
# starts the loop $4 if it does not run. Fails with 75 if the lease has just run out: whoever arms is then too late,
# and because the loop marks that before it looks for undos, one of the two always notices.
umask 077
# Twice, because a timer that ends takes the folder of all timers with it if it was the last.
for try in 1 2; do
    case $dir in /run/schism/*) mkdir -p -m 711 /run/schism || exit 1 ;; esac
    mkdir -m 700 "$dir" 2>/dev/null
    [ -d "$dir" ] && break
done
if [ -L "$dir" ] || [ ! -d "$dir" ] || [ ! -O "$dir" ]; then
    echo "$dir is not ours" >&2
    exit 1
fi
[ -e "$dir/expired" ] && late
mkdir -p "$dir/undo" && cat >"$dir/undo/.$3" && mv "$dir/undo/.$3" "$dir/undo/$3" && beat || exit 1
pid=
[ -r "$dir/pid" ] && read -r pid <"$dir/pid"
# A zombie can be signalled, too: where nothing reaps orphans it stays.
if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; then
    own_session=
    command -v setsid >/dev/null 2>&1 && own_session=setsid
    $own_session nohup /bin/sh -c "$4" schism-deadman "$dir" "$2" </dev/null >/dev/null 2>&1 &
    echo $! >"$dir/pid"
fi
[ -e "$dir/expired" ] && late
exit 0
