# MARK STATE
if frozen; then echo frozen; else sh -c "$2"; fi
