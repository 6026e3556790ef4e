# MARK DIRECTORY…: noted first, with how many mounts there are at each, so that undo knows which are ours.
[ -e "$note" ] && { echo "undo it first" >&2; exit 1; }
mkdir -p "$dir" || exit 1
shift
for data; do
  data=$(readlink -f "$data") && [ -d "$data" ] || { echo "there is no directory $data" >&2; exit 1; }
  case $data in *[[:space:]]* | *\\*) echo "$data: a name that cannot be told from others" >&2; exit 1 ;; esac
  if cut -d' ' -f5 /proc/self/mountinfo | grep -q "^$data/"; then
    echo "$data: a file system is mounted below it, which would disappear" >&2
    exit 1
  fi
  mounts "$data"
  echo "$count $data" >>"$note" || exit 1
  mount --bind "$data" "$data" && mount -o remount,bind,ro "$data" || exit 1
done
