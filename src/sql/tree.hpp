#pragma once
// Short ways through libpg_query's protobuf tree. The only header that includes it.
#include <pg_query/pg_query.pb-c.h>

#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

namespace tajo::sql {

using Node = PgQuery__Node;
using NodeSpan = std::span<Node* const>;

/// A repeated field.
#define TAJO_NODES(message, field) (::tajo::sql::NodeSpan((message)->field, (message)->n_##field))

/// Owns one parse tree: a bump allocator, because freeing a deep tree node by node would need its depth in stack.
class ParseTree {
 public:
  /// Parses with libpg_query. Errors with positions in bytes + 1 of `text`.
  static std::unique_ptr<ParseTree> parse(const std::string& text);
  ParseTree() = default;
  ParseTree(const ParseTree&) = delete;
  ParseTree& operator=(const ParseTree&) = delete;
  /// The only statement; nullptr when the text holds none.
  const Node* statement() const { return statement_; }

 private:
  static void* allocate(void* self, std::size_t size);
  static void release(void*, void*) {}
  std::pmr::monotonic_buffer_resource memory_;
  const Node* statement_ = nullptr;
};

inline bool is(const Node* node, PgQuery__Node__NodeCase kind) { return node != nullptr && node->node_case == kind; }
/// The text of a String node; empty for any other.
inline std::string_view string_in(const Node* node) {
  return is(node, PG_QUERY__NODE__NODE_STRING) ? std::string_view(node->string->sval) : std::string_view();
}
/// Byte offset at which an expression begins in the statement, as far as the tree tells; -1: unknown.
int location_of(const Node* node);

}  // namespace tajo::sql
