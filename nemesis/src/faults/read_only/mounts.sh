# Where the fault called $1 notes what it does.
dir=/run/schism/read-only
note=$dir/$1
# Sets `count` of the mounts at $1, and `top`, the options of the last. The kernel lists them in the order of their mounting.
mounts() {
  count=0 top=
  while read -r id parent device root point options rest; do
    [ "$point" = "$1" ] || continue
    count=$((count + 1))
    top=$options
  done </proc/self/mountinfo
}
