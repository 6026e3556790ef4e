# Before anything is deployed: a directory that is not there yet will be where its parent is.
for data; do
  until [ -d "$data" ]; do
    data=${data%/*}
    data=${data:-/}
  done
  room "$data"
done
