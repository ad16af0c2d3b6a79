#include "warehouse_service.hpp"

#include "sim.hpp"

namespace tajo::sim {

namespace {

worker::WorkerConfig worker_config(const SimRank& process) {
  worker::WorkerConfig c;
  c.host = "host" + std::to_string(process.host);
  c.pid = process.host + 1;
  c.cores = 4;
  c.launcher_lost = [] { return false; };
  c.memory_bytes = std::uint64_t{1} << 30;
  return c;
}

}  // namespace

void SimLoop::post(std::function<void()> work) {
  Sim& sim = process_.sim;
  Micros wait = longest_wait_ == 0 ? 0 : static_cast<Micros>(sim.rng.below(static_cast<std::uint64_t>(longest_wait_)));
  last_ = std::max(last_, sim.now() + wait);
  sim.events.after(last_ - sim.now(), [&process = process_, work = std::move(work)]() mutable { process.run(std::move(work)); });
}

void SimLoop::run_after(Micros delay, std::function<void()> work) {
  process_.sim.events.after(delay, [&process = process_, work = std::move(work)]() mutable { process.run(std::move(work)); });
}

WarehouseService::WarehouseService(SimRank& process, WarehouseFiles& files, bool)
    : process_(process), files_(files),
      runtime_([&process] { return process.clock(); },
               [&process](Micros delay) { process.sim.events.after(delay, [&process] { process.run([] {}); }); }, Random(process.sim.rng())),
      loop_(process, 0), file_loop_(process, 3 * kMs), storage_(*this), engine_(*this), coordinator_(*this),
      worker_(worker_config(process), loop_, file_loop_, *this, engine_, outputs_, storage_),
      master_({runtime_, loop_, *process.node, catalog_, sessions_, queries_, coordinator_, resources_, engine_, outputs_, storage_,
               "/nowhere/staging", "/nowhere/warehouse", "sim"},
              *this) {
  outputs_.now = &process.sim.events.now_reference();
  process.node->add_machine("catalog", {journal::RecordKind::kCatalog}, catalog_);
  process.node->add_machine("sessions", {journal::RecordKind::kSession}, sessions_);
  process.node->add_machine("queries", {journal::RecordKind::kQuery}, queries_);
}

WarehouseService::~WarehouseService() { runtime_.end(); }

void WarehouseService::start() {
  worker_.start();
  master_.start();
}

void WarehouseService::on_view(const cluster::View& view, cluster::Role self) {
  worker_.on_view(view, self);
  master_.on_view(view, self);
}

void WarehouseService::on_frame(Rank source, Bytes payload) {
  if (payload.empty()) return;
  try {
    if (!worker_.on_message(source, payload) && !master_.on_message(source, payload))
      process_.sim.bad("rank " + std::to_string(process_.host) + " does not know a message of " + std::to_string(source));
  } catch (const Error& e) {
    process_.sim.bad("rank " + std::to_string(process_.host) + ": message of " + std::to_string(source) + ": " + e.message());
  }
}

void WarehouseService::connect(std::function<void(master::ClientService&)> work) {
  process_.run([this, work = std::move(work)] {
    runtime_.start("client", 0, [this, work] { work(master_.service()); });
  });
}

void WarehouseService::dies_of(const std::string& why) {
  process_.sim.events.after(0, [this, why] { process_.die(why); });
  runtime_.sleep(1'000'000 * kSecond);
  std::abort();
}

}  // namespace tajo::sim
