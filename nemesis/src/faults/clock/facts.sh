# Prints which kernel this is, and whether its clock is this node's to set: a kernel's clock is that of all its containers.
cat /proc/sys/kernel/random/boot_id || exit 1
# The first namespaces of a kernel have fixed numbers (include/linux/proc_ns.h).
[ "$(readlink /proc/self/ns/pid)" = 'pid:[4026531836]' ] || { echo container; exit 0; }
[ "$(readlink /proc/self/ns/user)" = 'user:[4026531837]' ] || { echo container; exit 0; }
rights=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
# CAP_SYS_TIME is bit 25.
[ $((0x$rights >> 25 & 1)) = 1 ] || { echo forbidden; exit 0; }
date +%s%3N | grep -q '^[0-9]*$' || { echo 'no date'; exit 0; }
echo free
