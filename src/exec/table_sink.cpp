#include "table_sink.hpp"

#include <unistd.h>

#include "tajo/storage/write.hpp"

namespace tajo::exec {

struct TableSink::State final : Local {
  std::unique_ptr<storage::FragmentWriter> writer;
};

TableSink::TableSink(const TaskSpec& spec, std::string directory, TaskReport& report)
    : Sink(kNoNode), target_(*spec.plan->write), task_(spec.id), directory_(std::move(directory)), report_(report) {}

TableSink::~TableSink() {
  if (report_.committed) return;
  for (const std::string& file : files_) ::unlink(file.c_str());
}

std::unique_ptr<Local> TableSink::local(Context&) { return std::make_unique<State>(); }

Flow TableSink::take(Context&, Local& local, const Batch& in) {
  auto& state = static_cast<State&>(local);
  if (!state.writer) state.writer = storage::make_fragment_writer(target_.source.schema, target_.source.options);
  state.writer->append(in);
  report_.rows_written.fetch_add(in.selection.count, std::memory_order_relaxed);
  if (state.writer->rows() + data::kVectorRows > storage::kMaxFragmentRows || state.writer->bytes() >= storage::kMaxFragmentBytes)
    finish(state);
  return Flow::kMore;
}

void TableSink::combine(Context&, Local& local) { finish(static_cast<State&>(local)); }

void TableSink::finish(State& state) {
  if (!state.writer || state.writer->rows() == 0) return;
  const std::uint32_t number = next_file_.fetch_add(1, std::memory_order_relaxed);
  const std::string name = task_.query.str() + "_" + std::to_string(task_.task) + "_" + std::to_string(task_.attempt) + "_" +
                           std::to_string(number) + ".h5";
  const std::string path = directory_ + "/" + name;
  {
    const std::lock_guard lock(mutex_);
    files_.push_back(path);
  }
  data::FragmentInfo info = state.writer->finish(path);
  state.writer.reset();
  const std::lock_guard lock(report_.mutex);
  report_.fragments.push_back(std::move(info));
}

}  // namespace tajo::exec
