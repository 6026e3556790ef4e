# Makes the machine's clock wrong by $1 milliseconds. What would set it right is stopped, and written down first.
[ ! -e "$file" ] || exit 0
mkdir -p "${file%/*}"
{
  echo $(($(wall) - $(up)))
  for daemon in chrony chronyd ntp ntpd ntpsec systemd-timesyncd openntpd; do
    systemctl is-active --quiet "$daemon" 2>/dev/null && echo "$daemon"
  done
} >"$file.new" && mv "$file.new" "$file" || exit 1
sed 1d "$file" | while read -r daemon; do systemctl stop "$daemon"; done
set_clock $(($(wall) + $1))
