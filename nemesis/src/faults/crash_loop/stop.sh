# Asks the loop to end, and ends it if it does not.
if [ -d "$dir" ]; then
  : >"$dir/$1.stop"
  n=0
  while find "$1"; do
    n=$((n + 1))
    [ $n -le 100 ] || kill -9 "-$pid" 2>/dev/null
    [ $n -le 200 ] || { echo "loop $pid outlives SIGKILL" >&2; exit 1; }
    sleep 0.1
  done
  rm -f "$dir/$1" "$dir/$1.count" "$dir/$1.new" "$dir/$1.stop"
  rmdir "$dir" /run/schism 2>/dev/null
fi
exit 0
