#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""assemble.py FRAME OUTPUT MARK HOLDFAST WHAT: the frame of a manual page with
what `holdfast doc WHAT` prints in place of MARK."""
import subprocess
import sys

frame, output, mark, holdfast, what = sys.argv[1:]
text = open(frame, encoding='utf-8').read()
if text.count(mark) != 1:
    sys.exit(f'{frame}: {mark} must stand there once')
made = subprocess.run([holdfast, 'doc', what], check=True, capture_output=True, text=True).stdout
open(output, 'w', encoding='utf-8').write(text.replace(mark, made))
