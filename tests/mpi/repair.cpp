// By hand (tests/mpi/repair.py): what shrink, agree and create_group do when a member hangs or dies. Nothing of the
// product calls them; docs/decisions.md ("No communicator repair") shows this program's output.
//   repair CALL FAULT
// CALL: shrink | agree | create_group. FAULT, over six ranks:
//   dead     rank 4 has been killed and rank 0 has seen it
//   stopped  rank 4 is stopped (SIGSTOP) before the call
//   both     rank 4 is dead, rank 5 is stopped
//   inside   rank 4 is killed while the others are in the call (it never enters)
//   gone     create_group only: the group leaves the dead rank 4 out, its parent does not
// Each survivor prints how the call ended, or that it was still inside after kPatienceS.
#include <mpi.h>
#include <mpi-ext.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

constexpr int kVictim = 4, kSecond = 5, kTag = 7;
constexpr unsigned kPatienceS = 4;
constexpr useconds_t kKilledInsideUs = 300'000, kSeenByAllUs = 500'000;
std::array<char, 96> hang_line;

void on_alarm(int) {
  [[maybe_unused]] const ssize_t written = ::write(STDOUT_FILENO, hang_line.data(), std::strlen(hang_line.data()));
  ::_exit(0);
}

std::string error_name(int code) {
  if (code == MPI_SUCCESS) return "success";
  int error_class = 0;
  MPI_Error_class(code, &error_class);
  if (error_class == MPIX_ERR_PROC_FAILED) return "MPIX_ERR_PROC_FAILED";
  if (error_class == MPIX_ERR_REVOKED) return "MPIX_ERR_REVOKED";
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return text.data();
}

/// Until a receive from the dead rank fails here.
void see_death(MPI_Comm world) {
  int never = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(&never, 1, MPI_INT, kVictim, kTag, world, &request);
  int done = 0;
  while (done == 0)
    if (MPI_Test(&request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) break;
  ::usleep(kSeenByAllUs);
}

int create_group(MPI_Comm world, bool without_victim, MPI_Comm* made) {
  MPI_Group all = MPI_GROUP_NULL, some = MPI_GROUP_NULL;
  MPI_Comm_group(world, &all);
  const std::array<int, 2> out{kVictim, kSecond};
  MPI_Group_excl(all, without_victim ? 2 : 0, out.data(), &some);
  return MPI_Comm_create_group(world, some, kTag, made);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const std::string call = argv[1], fault = argv[2];
  MPI_Comm world = MPI_COMM_NULL, made = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &world);
  MPI_Comm_set_errhandler(world, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  int rank = 0;
  MPI_Comm_rank(world, &rank);
  MPI_Barrier(world);

  const bool dead_before = fault == "dead" || fault == "both" || fault == "gone";
  if (rank == kVictim) {
    if (dead_before) ::raise(SIGKILL);
    if (fault == "stopped") ::raise(SIGSTOP);
    ::usleep(kKilledInsideUs);
    ::raise(SIGKILL);
  }
  if (rank == kSecond && fault == "both") ::raise(SIGSTOP);
  if (rank == kSecond && fault == "gone") {
    ::sleep(kPatienceS + 1);
    ::_exit(0);
  }
  if (dead_before) see_death(world);

  std::snprintf(hang_line.data(), hang_line.size(), "rank %d: %s still inside after %u s\n", rank, call.c_str(), kPatienceS);
  ::signal(SIGALRM, on_alarm);
  ::alarm(kPatienceS);
  const double began = MPI_Wtime();
  int flag = 1, code = MPI_SUCCESS;
  if (call == "shrink") code = MPIX_Comm_shrink(world, &made);
  else if (call == "agree") code = MPIX_Comm_agree(world, &flag);
  else code = create_group(world, fault == "gone", &made);
  ::alarm(0);
  std::printf("rank %d: %s returned after %.1f ms: %s\n", rank, call.c_str(), (MPI_Wtime() - began) * 1e3, error_name(code).c_str());
  std::fflush(stdout);
  ::sleep(kPatienceS);
  ::_exit(0);  // MPI_Finalize hangs after failures
}
