#!/usr/bin/env bash
# Run a command on the display that is there, or on Xvfb where there is none (always on Xvfb with --virtual).
set -euo pipefail
virtual=no
if [ "${1-}" = --virtual ]; then virtual=yes; shift; fi
export QT_API=${QT_API:-pyqt6}

if [ "$(uname)" != Linux ]; then exec "$@"; fi
if [ "$virtual" = no ] && [ -n "${DISPLAY-}${WAYLAND_DISPLAY-}" ]; then exec "$@"; fi
command -v xvfb-run >/dev/null || { echo "There is no display, and Xvfb is not installed (package xvfb)." >&2; exit 1; }
unset WAYLAND_DISPLAY
export QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1 NAPARI_UNET_DEMO_HEADLESS=1
exec xvfb-run --auto-servernum --server-args='-screen 0 1280x900x24 -nolisten tcp' "$@"
