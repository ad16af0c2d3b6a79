#!/bin/sh
# launch/forget-launcher.sh PID: removes the directory that a killed mpirun with this process number left.
rm -rf "${TMPDIR:-/tmp}/ompi.$1" "${TMPDIR:-/tmp}/prterun.$1" "${TMPDIR:-/tmp}"/prterun.*".$1.$(id -u)"
