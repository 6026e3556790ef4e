for data; do
  room "$data"
  file=$data/.schism-fill-$mark
  # The first takes most of it at once where the file system can; the second whatever is left.
  fallocate -l "${free}KiB" "$file" 2>/dev/null
  room "$data"
  head -c "$((free + 64))K" /dev/zero >>"$file" 2>/dev/null
done
exit 0
