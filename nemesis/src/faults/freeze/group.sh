# Two hierarchies can freeze: that of version 1 called freezer, and version 2. Sets `base` to the one that there is, and
# `group` to that of the fault called $1.
base=
if [ -w /sys/fs/cgroup/freezer/cgroup.procs ]; then
  version=1 base=/sys/fs/cgroup/freezer
elif [ -e /sys/fs/cgroup/cgroup.controllers ] && [ -w /sys/fs/cgroup/cgroup.procs ]; then
  version=2 base=/sys/fs/cgroup
fi
[ -n "$base" ] || { echo "there are no control groups that could be written" >&2; exit 1; }
group=$base/schism-$1
# Whether all in the group are frozen, as the kernel says.
frozen() {
  case $version in
    1) [ "$(cat "$group/freezer.state" 2>/dev/null)" = FROZEN ] ;;
    2) grep -qx 'frozen 1' "$group/cgroup.events" 2>/dev/null ;;
  esac
}
freeze() {
  case $version$1 in
    1yes) echo FROZEN >"$group/freezer.state" ;;
    1no) echo THAWED >"$group/freezer.state" ;;
    2yes) echo 1 >"$group/cgroup.freeze" ;;
    2no) echo 0 >"$group/cgroup.freeze" ;;
  esac
}
# The group in which process $1 is.
group_of() {
  case $version in
    1) sed -n 's/^[0-9]*:freezer://p' "/proc/$1/cgroup" ;;
    2) sed -n 's/^0:://p' "/proc/$1/cgroup" ;;
  esac
}
notes=/run/schism/freeze
