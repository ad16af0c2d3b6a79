#include "file_server.hpp"

#include <algorithm>

#include "sim.hpp"

namespace tajo::sim {

using journal::FileStatus;

namespace {
FileServer::Result with(FileStatus status) {
  FileServer::Result r;
  r.status = status;
  return r;
}
constexpr Micros kUsualWait = 700;   // for the server
constexpr std::int64_t kDirectory = -2;  // look-ups of a row's name in the negative cache
}  // namespace

bool FileServer::shows_old_things(int host) const {
  for (const auto* until : {&negative_until_, &pages_until_})
    if (auto it = until->find(host); it != until->end() && it->second > sim_.now()) return true;
  return false;
}

Micros FileServer::slow(int host) const {
  auto it = slow_.find(host);
  return it == slow_.end() ? 0 : it->second;
}

Micros FileServer::latency() { return 100 + static_cast<Micros>(rng_.below(600)); }

Micros FileServer::blocked_until(int host) const {
  auto it = stalled_.find(host);
  return std::max(down_until_, it == stalled_.end() ? 0 : it->second);
}

bool FileServer::in_trouble(int host, Trouble kind) {
  auto it = trouble_.find({host, kind});
  return it != trouble_.end() && it->second > sim_.now() && rng_.chance(0.5);
}

bool FileServer::troubled_since(int host, Micros since) const {
  for (const auto& [what, until] : trouble_)
    if (what.first == host && until > since) return true;
  return std::max({blocked_until(host), full_until_, errors_until_, lost_until_}) > since;
}

void FileServer::submit(SimRank& rank, Execute request, Done done) {
  Micros wait = rng_.chance(0.97) ? latency() : static_cast<Micros>(rng_.below(60 * kMs));
  slow_[rank.host] += std::max<Micros>(0, wait - kUsualWait);
  sim_.events.after(wait, [this, &rank, request = std::move(request), done = std::move(done)]() mutable {
    execute(rank, std::move(request), std::move(done), true);
  });
}

void FileServer::execute(SimRank& rank, Execute request, Done done, bool first) {
  Micros blocked = blocked_until(rank.host);
  if (blocked > sim_.now()) {
    sim_.events.after(blocked - sim_.now() + static_cast<Micros>(rng_.below(20 * kMs)),
                      [this, &rank, request = std::move(request), done = std::move(done), first]() mutable {
                        execute(rank, std::move(request), std::move(done), first);
                      });
    return;
  }
  if (!rank.alive) {  // some requests of a killed process are on their way already
    if (rng_.chance(0.5)) return;
    ++count.late;
  }
  Result result = request();
  // An answer gets lost and the client system asks again. (Not an error: that is the client system's own word.)
  if (first && result.status != FileStatus::kFailed && sim_.now() < lost_until_ && rng_.chance(0.3)) {
    ++count.repeated;
    sim_.events.after(seconds(0.3 + 2 * rng_.uniform()),
                      [this, &rank, request = std::move(request), done = std::move(done)]() mutable {
                        execute(rank, std::move(request), std::move(done), false);
                      });
    return;
  }
  sim_.events.after(latency(), [this, &rank, done = std::move(done), result = std::move(result)]() mutable {
    reply(rank, std::move(done), std::move(result));
  });
}

void FileServer::reply(SimRank& rank, Done done, Result result) {
  auto it = stalled_.find(rank.host);
  if (it != stalled_.end() && it->second > sim_.now() && rng_.chance(0.5)) {
    sim_.events.after(it->second - sim_.now(), [this, &rank, done = std::move(done), result = std::move(result)]() mutable {
      reply(rank, std::move(done), std::move(result));
    });
    return;
  }
  rank.run([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); }, true);
}

// --- what the server does -------------------------------------------------------------------------------------------

FileServer::Result FileServer::list_rows(int host) {
  Result r;
  bool stale = negative_until_[host] > sim_.now();
  for (const auto& [name, row] : rows_) {
    if (row.removed) continue;
    auto it = negative_.find({host, name, kDirectory});
    if (stale && it != negative_.end() && it->second > sim_.now()) continue;
    r.names.push_back(name);
  }
  return r;
}

FileServer::Result FileServer::make_row(const std::string& row) {
  if (sim_.now() < full_until_) {
    ++count.full;
    return with(FileStatus::kNoSpace);
  }
  auto [it, made] = rows_.try_emplace(row);
  return with(made ? FileStatus::kOk : FileStatus::kExists);
}

FileServer::Result FileServer::read_slots(int host, const std::string& row, std::int64_t first, std::int64_t limit) {
  bool stale = negative_until_[host] > sim_.now();
  auto it = rows_.find(row);
  if (it == rows_.end() || it->second.removed) {
    ++count.missing;
    return with(FileStatus::kMissing);
  }
  Result r;
  for (std::int64_t i = first; i < first + limit; ++i) {
    auto key = std::make_tuple(host, row, i);
    if (stale) {
      auto cached = negative_.find(key);
      if (cached != negative_.end() && cached->second > sim_.now()) {
        ++count.stale_look_ups;
        break;
      }
    }
    auto slot = it->second.slots.find(i);
    if (slot == it->second.slots.end()) {
      if (stale) negative_[key] = std::min(negative_until_[host], sim_.now() + 60 * kSecond);
      break;
    }
    r.names.push_back(slot->second.text);
  }
  return r;
}

bool FileServer::row_has(const std::string& row, std::int64_t index) const {
  auto it = rows_.find(row);
  return it != rows_.end() && it->second.slots.contains(index);
}

FileServer::Result FileServer::make_slot(SimRank& rank, const std::string& row, std::int64_t index,
                                         const std::string& text) {
  auto it = rows_.find(row);
  if (it == rows_.end() || it->second.removed) {
    ++count.missing;
    return with(FileStatus::kMissing);
  }
  negative_.erase({rank.host, row, index});
  auto existing = it->second.slots.find(index);
  if (existing != it->second.slots.end()) {
    Result r = with(FileStatus::kExists);
    if (!rng_.chance(0.02)) r.text = existing->second.text;  // now and then the link cannot be read
    return r;
  }
  if (sim_.now() < full_until_ && rng_.chance(0.5)) {
    ++count.full;
    return with(FileStatus::kNoSpace);
  }
  return overwrite_slot(rank, row, index, text);
}

FileServer::Result FileServer::overwrite_slot(SimRank& rank, const std::string& row, std::int64_t index,
                                              const std::string& text) {
  auto it = rows_.find(row);
  if (it == rows_.end() || it->second.removed) return with(FileStatus::kMissing);
  auto slot = journal::Slot::parse(text);
  TAJO_ASSERT(slot);
  it->second.slots[index] = {text, *slot, false, rank.host};
  sim_.on_slot(rank, row, index, *slot);
  if (sim_.options.variant.reuse_names && index > 6) it->second.slots.erase(index - 6);
  return {};
}

FileServer::Result FileServer::sync_row(int host, const std::string& row) {
  auto it = rows_.find(row);
  if (it == rows_.end() || it->second.removed) return with(FileStatus::kMissing);
  if (in_trouble(host, Trouble::kSyncErrors)) {
    ++count.errors;
    return with(FileStatus::kFailed);
  }
  if (recovered_without_.erase(host) > 0) {
    ++count.errors;
    return with(FileStatus::kFailed);
  }
  if (sim_.now() < errors_until_ && rng_.chance(0.2)) {
    ++count.errors;
    return with(FileStatus::kFailed);
  }
  for (auto& [index, slot] : it->second.slots) slot.durable = true;
  return {};
}

FileServer::Result FileServer::create_file(int host, const std::string& name) {
  if (sim_.now() < full_until_ && rng_.chance(0.2)) {
    ++count.full;
    return with(FileStatus::kNoSpace);
  }
  auto [it, made] = files_.try_emplace(name);
  if (!made) return with(it->second.owner == host ? FileStatus::kOk : FileStatus::kExists);
  it->second.owner = host;
  return {};
}

FileServer::Result FileServer::write_file(int host, const std::string& name, std::uint64_t offset, const Bytes& data,
                                          bool reserve) {
  if (sim_.now() < full_until_ && !reserve) {
    ++count.full;
    return with(FileStatus::kNoSpace);
  }
  if (sim_.now() < errors_until_ && rng_.chance(0.3)) {
    ++count.errors;
    return with(FileStatus::kFailed);
  }
  auto it = files_.find(name);
  if (it == files_.end()) return with(FileStatus::kMissing);
  if (in_trouble(host, Trouble::kWriteErrors)) {
    ++count.errors;
    return with(FileStatus::kFailed);
  }
  const bool short_write = in_trouble(host, Trouble::kShortWrites);  // some of it arrives, then nothing
  const std::size_t written = short_write ? data.size() / 2 : data.size();
  File& f = it->second;
  f.owner = host;
  f.data.resize(std::max(f.data.size(), static_cast<std::size_t>(offset) + written));
  std::copy_n(data.begin(), written, f.data.begin() + static_cast<std::ptrdiff_t>(offset));
  f.durable = std::min(f.durable, static_cast<std::size_t>(offset));
  if (!short_write) return {};
  ++count.errors;
  return with(FileStatus::kFailed);
}

FileServer::Result FileServer::sync_file(int host, const std::string& name) {
  auto it = files_.find(name);
  if (it == files_.end()) return with(FileStatus::kMissing);
  if (in_trouble(host, Trouble::kSyncErrors) || recovered_without_.erase(host) > 0 || (sim_.now() < errors_until_ && rng_.chance(0.1))) {
    ++count.errors;
    return with(FileStatus::kFailed);
  }
  it->second.durable = it->second.data.size();
  return {};
}

FileServer::Result FileServer::read_file(int host, const std::string& name, std::uint64_t offset,
                                         std::uint64_t length, bool fresh) {
  auto it = files_.find(name);
  if (it == files_.end() || gone_files_.contains(name)) return with(FileStatus::kMissing);
  const Bytes& data = it->second.data;
  Result r;
  if (offset >= data.size()) return r;
  std::size_t end = std::min<std::size_t>(data.size(), offset + length);
  r.data.assign(data.begin() + static_cast<std::ptrdiff_t>(offset), data.begin() + static_cast<std::ptrdiff_t>(end));
  if (pages_until_[host] > sim_.now() && rng_.chance(fresh ? 0.4 : 0.8) && it->second.owner != host) {
    ++count.stale_pages;
    if (rng_.chance(0.5)) r.data.resize(r.data.size() / 2);
    else std::fill(r.data.begin() + static_cast<std::ptrdiff_t>(r.data.size() / 2), r.data.end(), std::byte{0});
  }
  if (!r.data.empty() && it->second.owner != host && in_trouble(host, Trouble::kFlippedBits))
    r.data[rng_.below(r.data.size())] ^= std::byte{1} << static_cast<int>(rng_.below(8));
  return r;
}

FileServer::Result FileServer::remove_row(const std::string& row, const std::vector<std::string>& files) {
  auto it = rows_.find(row);
  if (it == rows_.end() || it->second.removed) return with(FileStatus::kMissing);
  it->second.removed = true;
  ++count.removed;
  for (const std::string& f : files) gone_files_.insert(f);
  return {};
}

// --- faults ---------------------------------------------------------------------------------------------------------

/// The server comes back from its disk: what was not synced is gone, unless its client is there to send it again.
void FileServer::fail_over(Micros down) {
  down_until_ = std::max(down_until_, sim_.now() + down);
  auto absent = [&](int host) {
    SimRank* r = sim_.find_host(host);
    auto stalled = stalled_.find(host);
    return r == nullptr || !r->alive || r->paused || (stalled != stalled_.end() && stalled->second > sim_.now());
  };
  for (auto& [name, row] : rows_) {
    for (auto it = row.slots.begin(); it != row.slots.end();) {
      if (it->second.durable || !absent(it->second.owner) || !rng_.chance(0.8)) {
        ++it;
        continue;
      }
      ++count.lost_slots;
      recovered_without_.insert(it->second.owner);
      sim_.log("the failover loses slot " + name + "/" + std::to_string(it->first) + " of host " +
               std::to_string(it->second.owner));
      sim_.on_slot_lost(name, it->first);
      it = row.slots.erase(it);
    }
  }
  for (auto& [name, file] : files_) {
    if (file.durable >= file.data.size() || !absent(file.owner) || !rng_.chance(0.8)) continue;
    ++count.lost_bytes;
    file.data.resize(file.durable);
    recovered_without_.insert(file.owner);
  }
}

const Bytes* FileServer::bytes_of(const std::string& segment) const {
  auto it = files_.find(segment);
  return it == files_.end() ? nullptr : &it->second.data;
}

std::uint64_t FileServer::newest_hash() const {
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row)
    if (!row->second.removed && !row->second.slots.empty()) return row->second.slots.rbegin()->second.slot.hash;
  return 0;
}

std::vector<std::pair<FileServer::SlotEntry, Bytes>> FileServer::chain(std::vector<std::string>& wrong) const {
  std::vector<std::pair<SlotEntry, Bytes>> out;
  std::string name = rows_.empty() ? std::string() : journal::row_name(1, 0);
  std::uint64_t previous = 0;
  while (!name.empty()) {
    auto row = rows_.find(name);
    if (row == rows_.end()) {
      wrong.push_back("row " + name + " was named and does not exist");
      return out;
    }
    std::string next;
    std::int64_t expected = 0;
    std::uint64_t segment = 0;
    std::uint64_t length = 0;
    for (const auto& [index, entry] : row->second.slots) {
      if (index != expected++) wrong.push_back("hole before slot " + std::to_string(index) + " of row " + name);
      if (!next.empty()) wrong.push_back("slot behind the closing slot of row " + name);
      std::uint64_t from = entry.slot.segment == segment ? length : 0;
      segment = entry.slot.segment;
      length = entry.slot.length;
      const Bytes* data = bytes_of(journal::segment_name(segment));
      if (data == nullptr || data->size() < length || from > length) {
        wrong.push_back("counted bytes of slot " + name + "/" + std::to_string(index) + " are missing");
        return out;
      }
      Bytes batch(data->begin() + static_cast<std::ptrdiff_t>(from), data->begin() + static_cast<std::ptrdiff_t>(length));
      if (journal::batch_hash(entry.slot.epoch, batch) != entry.slot.hash || journal::batch_previous(batch) != previous) {
        wrong.push_back("hash chain broken at slot " + name + "/" + std::to_string(index));
        return out;
      }
      previous = entry.slot.hash;
      next = sim_closing_row(batch);
      out.emplace_back(entry, std::move(batch));
    }
    name = next;
    if (!name.empty() && rows_.contains(name) && rows_.at(name).slots.empty()) break;
  }
  return out;
}

}  // namespace tajo::sim
