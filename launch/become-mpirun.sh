#!/bin/sh
# launch/become-mpirun.sh MPIRUN [ARGS…]: becomes mpirun. A launcher that was killed leaves its directory, named after its
# process number; another that gets this number would end with "The PMIx server's listener thread failed to start".
rm -rf "${TMPDIR:-/tmp}/ompi.$$" "${TMPDIR:-/tmp}/prterun.$$" "${TMPDIR:-/tmp}"/prterun.*".$$.$(id -u)"
exec "$@"
