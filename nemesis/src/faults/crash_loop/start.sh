# MARK KILL START DOWN UP ROUNDS, times in tenths of a second. The loop naps in short steps so that it can end at once,
# and never in the midst of a start.
umask 077
mkdir -p "$dir" && [ -O "$dir" ] && [ ! -L "$dir" ] || { echo "$dir is not ours" >&2; exit 1; }
find "$1" && exit 0
rm -f "$dir/$1.stop"
echo 0 >"$dir/$1.count" || exit 1
setsid /bin/sh -c '
  base=$1
  nap() {
    n=0
    while [ $n -lt "$1" ] && [ ! -e "$base.stop" ]; do
      sleep 0.1
      n=$((n + 1))
    done
  }
  kills=0
  while [ $kills -lt "$6" ] && [ ! -e "$base.stop" ] && [ -e "$base.count" ]; do
    sh -c "$2" && kills=$((kills + 1)) && echo $kills >"$base.new" && mv "$base.new" "$base.count"
    nap "$4"
    sh -c "$3"
    nap "$5"
  done
' schism-crash-loop "$dir/$1" "$2" "$3" "$4" "$5" "$6" </dev/null >/dev/null 2>&1 &
pid=$!
start=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)
echo "$pid $start" >"$dir/$1"
