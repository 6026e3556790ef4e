# MARK PID_FILE
read -r pid rest <"$2" || { echo "there is no process to freeze" >&2; exit 1; }
mkdir -p "$notes" "$group" || exit 1
take() {
  old=$(group_of "$1") || return 0
  [ "$base$old" = "$group" ] && return 0
  echo "$1 $old" >>"$notes/${group##*/}"
  echo "$1" >"$group/cgroup.procs" || return 1
  # Read again after it was moved: children that it has from now on are born in the group.
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do take "$child" || return 1; done
}
take "$pid" || exit 1
freeze yes || exit 1
n=0
until frozen; do
  n=$((n + 1))
  [ $n -le 100 ] || { echo "the group does not freeze" >&2; exit 1; }
  sleep 0.05
done
