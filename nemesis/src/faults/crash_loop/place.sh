# Where the loop called $1 keeps its pid ($1), how often it has killed ($1.count), and that it shall end ($1.stop).
dir=/run/schism/loops
[ "$(id -u)" = 0 ] || dir=/tmp/schism-loops-$(id -u)
# Sets `pid` of the loop; fails if it has ended. The second word is its start time: numbers are used again.
find() {
  read -r pid start 2>/dev/null <"$dir/$1" || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  stat=${stat##*) }
  [ "${stat%% *}" != Z ] && [ "$(echo "$stat" | cut -d' ' -f20)" = "$start" ]
}
