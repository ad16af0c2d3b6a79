#!/bin/sh
# launch/become-mpirun.sh MPIRUN [ARGS…]: becomes mpirun. A launcher that was killed leaves its directory, named after its
# process number; another that gets this number would end with "The PMIx server's listener thread failed to start".
"${0%/*}/forget-launcher.sh" $$
exec "$@"
