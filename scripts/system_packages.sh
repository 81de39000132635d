#!/usr/bin/env bash
# Find out what of Qt's and OpenGL's libraries, Xvfb and python3-venv is missing, and have it installed.
# As root: by apt. As an ordinary user: prints the one line to run. Elsewhere than Debian and Ubuntu: does nothing.
set -euo pipefail
PYTHON=${PYTHON:-python3}
command -v apt-get >/dev/null || exit 0

LIBRARIES='
libEGL.so.1             libegl1
libGL.so.1              libgl1
libdbus-1.so.3          libdbus-1-3
libfontconfig.so.1      libfontconfig1
libglib-2.0.so.0        libglib2.0-0
libX11-xcb.so.1         libx11-xcb1
libxcb-cursor.so.0      libxcb-cursor0
libxcb-icccm.so.4       libxcb-icccm4
libxcb-image.so.0       libxcb-image0
libxcb-keysyms.so.1     libxcb-keysyms1
libxcb-randr.so.0       libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0       libxcb-shape0
libxcb-xkb.so.1         libxcb-xkb1
libxkbcommon-x11.so.0   libxkbcommon-x11-0
'

can_load() { "$PYTHON" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null; }
has_file() { compgen -G "$1" >/dev/null; }

missing_packages() {
    while read -r library package; do
        [ -z "$library" ] || can_load "$library" || echo "$package"
    done <<<"$LIBRARIES"
    has_file '/usr/lib/*/dri/swrast_dri.so' || has_file '/usr/lib/*/libgallium*.so' || echo libgl1-mesa-dri
    has_file '/usr/share/fonts/*/*' || echo fonts-dejavu-core
    command -v Xvfb >/dev/null || echo xvfb
    command -v xauth >/dev/null || echo xauth
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" -eq 0 ]; then
    printf '\n== System packages: %s\n' "${missing[*]}" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    exit 0
fi
printf '\nSome system packages are missing. Run this line, then the same command again:\n\n  %s\n\n' \
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
exit 1
