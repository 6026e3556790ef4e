# How often the loop that runs has seen the process gone.
if find "$1"; then cat "$dir/$1.count"; else echo 0; fi
