# MARK: takes away what was mounted since. Whoever has files open there keeps them, and can write to them again. What
# another fault has mounted over it must go first.
[ -e "$note" ] || exit 0
while read -r before data; do
  mounts "$data"
  case $count in
    "$before") continue ;;
    $((before + 1))) ;;
    *) echo "$data: something else is mounted over it" >&2; exit 1 ;;
  esac
  mount -o remount,bind,rw "$data" && umount -l "$data" || exit 1
done <"$note"
rm -f "$note"
rmdir "$dir" /run/schism 2>/dev/null
exit 0
