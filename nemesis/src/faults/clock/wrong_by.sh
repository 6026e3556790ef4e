# Prints by how much it is wrong; where it was restored, that is no longer known here.
[ -e "$file" ] || { echo '0 ms'; exit 0; }
read -r base <"$file"
echo "$(($(wall) - $(up) - base)) ms"
