#pragma once

namespace tajo::mpi {

/// Takes all the memory of the segment that Open MPI has made for this rank in /dev/shm: it is made sparse, and whoever touches
/// a new page of it when /dev/shm is full dies of SIGBUS, with it everybody who talks to this rank. When there is no room now,
/// a warning says so and the rank goes on. After MPI_Init, start thread.
void take_shared_memory(int rank);

}  // namespace tajo::mpi
