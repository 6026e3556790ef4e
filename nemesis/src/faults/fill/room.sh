# MARK MOST DATA…: sees that each directory is on a file system of its own with at most so many MiB free, so that whoever is
# short of space then is the system and nobody else. Sets `free` of the last, in KiB.
mark=$1 most=$2
shift 2
room() {
  [ -d "$1" ] || { echo "there is no directory $1" >&2; exit 1; }
  [ "$(stat -c %d "$1")" != "$(stat -c %d /)" ] || { echo "$1 is on the root file system, and everything else would be short of space, too" >&2; exit 1; }
  free=$(($(stat -f -c '%a * %S' "$1") / 1024))
  [ "$free" -le $((most * 1024)) ] || { echo "$1 has $((free / 1024)) MiB free, and at most $most are filled" >&2; exit 1; }
}
