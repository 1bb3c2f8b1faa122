#include "launcher/config/node_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

struct Extent {
  std::size_t nodes = 1;
  std::size_t bytes = 0;  // Of all texts and keys but the own key.
  int depth = 0;
};

Extent measure(const ConfigNode& node) {
  Extent extent = {.bytes = node.text.size()};
  for (const ConfigNode& child : node.children) {
    const Extent inner = measure(child);
    extent.nodes += inner.nodes;
    extent.bytes += inner.bytes + child.key.size();
    extent.depth = std::max(extent.depth, inner.depth + 1);
  }
  return extent;
}

}  // namespace

bool NodeBuilder::add(ConfigNode node) {
  if (!status_.ok()) return false;
  if (node.text.find('\0') != std::string::npos) {
    fail(node.line, "a text contains a NUL, which no flag or variable can hold; remove it.");
    return false;
  }
  const Extent extent = measure(node);
  num_nodes_ += extent.nodes;
  num_bytes_ += extent.bytes;
  if (num_bytes_ > kMaxConfigBytes) {
    fail(node.line,
         absl::StrCat("with all aliases written out there are more than ", kMaxConfigBytes,
                      " bytes, which no config needs; write the values ", "out."));
    return false;
  }
  if (num_nodes_ > kMaxConfigNodes) {
    fail(node.line, absl::StrCat("there are more than ", kMaxConfigNodes,
                                 " values, which no config needs; is it the right file?"));
    return false;
  }
  if (static_cast<int>(open_.size()) + extent.depth > kMaxConfigDepth) return too_deep(node);
  if (open_.empty()) {
    document_ = std::move(node);
    is_complete_ = true;
    return true;
  }
  Open& parent = open_.back();
  if (parent.node.kind == Kind::kMap) {
    if (!parent.has_key) return set_key(parent, node);
    node.key = std::move(parent.key);
    parent.has_key = false;
  }
  node.replaced_line = std::exchange(parent.replaced_line, 0);
  parent.node.children.push_back(std::move(node));
  return true;
}

bool NodeBuilder::set_key(Open& map, const ConfigNode& node) {
  if (node.kind == Kind::kList || node.kind == Kind::kMap || node.kind == Kind::kNull) {
    fail(node.line, "a key is not text; write `key: value`.");
    return false;
  }
  const auto twin = std::find_if(map.node.children.begin(), map.node.children.end(),
                                 [&](const ConfigNode& child) { return child.key == node.text; });
  if (twin != map.node.children.end()) {
    map.replaced_line = twin->line;
    map.node.children.erase(twin);
  }
  map.key = node.text;
  map.has_key = true;
  return true;
}

bool NodeBuilder::begin(ConfigNode node) {
  if (!status_.ok()) return false;
  if (!open_.empty() && open_.back().node.kind == Kind::kMap && !open_.back().has_key) {
    return set_key(open_.back(), node);
  }
  if (static_cast<int>(open_.size()) >= kMaxConfigDepth) return too_deep(node);
  open_.push_back({.node = std::move(node)});
  return true;
}

bool NodeBuilder::too_deep(const ConfigNode& node) {
  fail(node.line, absl::StrCat("lists and maps are nested more than ", kMaxConfigDepth,
                               " deep, which no config needs; is it the right file?"));
  return false;
}

const ConfigNode* NodeBuilder::end() {
  if (!status_.ok() || open_.empty()) return nullptr;
  ConfigNode node = std::move(open_.back().node);
  open_.pop_back();
  // The children have been counted.
  const Extent extent = measure(node);
  num_nodes_ -= extent.nodes - 1;
  num_bytes_ -= extent.bytes - node.text.size();
  if (!add(std::move(node))) return nullptr;
  return open_.empty() ? &document_ : &open_.back().node.children.back();
}

void NodeBuilder::fail(int line, const std::string& what) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(path_, ":", line, ": ", what));
}

absl::StatusOr<ConfigNode> NodeBuilder::take() {
  if (!status_.ok()) return status_;
  return std::move(document_);
}

}  // namespace accelerate::launcher
