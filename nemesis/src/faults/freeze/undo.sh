# MARK
note=$notes/${group##*/}
if [ -d "$group" ]; then
  freeze no
  # Each to where it was; those that were born here to where the first of them was.
  read -r pid home 2>/dev/null <"$note"
  while read -r pid old; do
    echo "$pid" >"$base$old/cgroup.procs" 2>/dev/null
  done 2>/dev/null <"$note"
  n=0
  until rmdir "$group" 2>/dev/null; do
    for pid in $(cat "$group/cgroup.procs"); do echo "$pid" >"$base$home/cgroup.procs" 2>/dev/null; done
    n=$((n + 1))
    [ $n -le 100 ] || { echo "$group does not become empty" >&2; exit 1; }
    sleep 0.05
  done
fi
rm -f "$note"
rmdir "$notes" /run/schism 2>/dev/null
exit 0
