# Milliseconds since 1970, and since the machine was started: the second goes on whatever is done to the first.
wall() { date +%s%3N; }
up() { read -r up _ </proc/uptime && echo "$up" | sed 's/\.//; s/^0*//; s/$/0/'; }
# Sets the clock to so many milliseconds since 1970.
set_clock() { date -s "@$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" >/dev/null; }
file=/run/schism/machine-clock
