#pragma once

namespace tajo::mpi {

/// From now on the loss of mpirun or of this host's daemon does not end this process: PMIx's lost-connection events
/// are answered here with "action complete". What ends the ranks then is the keeper's business. After MPI_Init.
/// Throws Error 58000 when PMIx refuses the handler.
void survive_launcher();

/// True once such an event came. Any thread.
bool launcher_was_lost();

}  // namespace tajo::mpi
