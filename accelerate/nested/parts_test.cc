// Which types are seen through, which are left alone, and which are refused.
#include "accelerate/nested/parts.h"

#include <ATen/ATen.h>
#include <ATen/core/List.h>
#include <gtest/gtest.h>

#include <any>
#include <array>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <unordered_map>

#include "accelerate/nested/visit_tensors.h"

namespace accelerate::internal {
namespace {

template <class T>
constexpr bool is_refused = !TensorLike<T> && !HoldsNothing<T> && !HasParts<T>;

struct WithConstructor {
  WithConstructor(at::Tensor data, at::Tensor target, at::Tensor mask);
  at::Tensor data, target, mask;
};

class Opaque {
 public:
  Opaque();
  ~Opaque();

 private:
  at::Tensor tensor_;
};

static_assert(is_refused<Opaque>);
// Its mask would stay unseen.
static_assert(is_refused<WithConstructor>);
static_assert(is_refused<std::shared_ptr<at::Tensor>>);
static_assert(is_refused<std::reference_wrapper<at::Tensor>>);
static_assert(is_refused<at::Tensor*>);
static_assert(is_refused<c10::IValue>);
static_assert(is_refused<c10::List<at::Tensor>>);
static_assert(is_refused<std::any>);
static_assert(is_refused<std::function<void()>>);

enum class Kind { kOne };

static_assert(HoldsNothing<Kind>);
static_assert(HoldsNothing<const char*>);
static_assert(HoldsNothing<std::string_view>);
static_assert(HoldsNothing<std::filesystem::path>);
static_assert(HoldsNothing<std::chrono::milliseconds>);
static_assert(HoldsNothing<std::complex<double>>);
static_assert(HoldsNothing<c10::Device>);
static_assert(HoldsNothing<c10::BFloat16>);
static_assert(HoldsNothing<c10::Scalar>);
static_assert(!HoldsNothing<std::span<at::Tensor>>);
static_assert(!HoldsNothing<std::optional<at::Tensor*>>);

// ---- Members

struct NoDefault {
  explicit NoDefault(int value) : value(value) {}
  int value;
};

struct Mixed {
  at::Tensor tensor;
  NoDefault no_default;
  std::optional<std::variant<int, at::Tensor>> variant;
  std::array<at::Tensor, 2> array;
};

struct Derived : Mixed {
  at::Tensor own;
};

struct WithArray {
  NoDefault first;
  at::Tensor tensors[2];
};

struct WithReference {
  at::Tensor& tensor;
};

struct Long {
  at::Tensor m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16;
  at::Tensor m17, m18, m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32;
};

struct TooLong {
  Long long_one;
  at::Tensor m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18;
  at::Tensor m19, m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32, m33;
};

static_assert(count_members<Mixed>() == 4);
static_assert(count_members<Long>() == 32);
static_assert(count_members<TooLong>() == 33);
static_assert(count_members<WithReference>() == 0);
static_assert(has_base<Derived> && !has_base<Mixed> && !has_base<TooLong>);
static_assert(has_array<WithArray, 3>(std::make_index_sequence<3>()));
static_assert(!has_array<Mixed, 4>(std::make_index_sequence<4>()));

const at::Tensor kOne = at::ones({1});

template <class Value>
int count_tensors(Value value) {
  int count = 0;
  visit_tensors(value, [&count](at::Tensor&) { ++count; });
  return count;
}

TEST(Parts, AreUpTo32Members) {
  int count = 0;
  Long value;
  visit_members(value, [&](at::Tensor& tensor) { tensor = at::full({1}, count++); });
  EXPECT_EQ(count, 32);
  EXPECT_EQ(value.m1.item<int>(), 0);
  EXPECT_EQ(value.m17.item<int>(), 16);
  EXPECT_EQ(value.m32.item<int>(), 31);
}

class Private {
 public:
  explicit Private(at::Tensor tensor) : tensor_(std::move(tensor)) {}

 private:
  friend auto accelerate_parts(Private& value) { return std::tie(value.tensor_); }
  at::Tensor tensor_;
};

class Label {
 public:
  explicit Label(std::string text) : text_(std::make_shared<std::string>(std::move(text))) {}
  friend std::tuple<> accelerate_parts(Label&) { return {}; }

 private:
  std::shared_ptr<std::string> text_;
};

TEST(Parts, AreWhatAClassSaysOfItself) {
  EXPECT_EQ(count_tensors(Private(kOne)), 1);
  EXPECT_EQ(count_tensors(std::vector<Private>{Private(kOne), Private(kOne)}), 2);
  EXPECT_EQ(count_tensors(std::pair(Label("a"), kOne)), 1);
}

TEST(Parts, AreFoundInContainersOfAllKinds) {
  EXPECT_EQ(count_tensors(std::variant<int, at::Tensor>(kOne)), 1);
  EXPECT_EQ(count_tensors(std::variant<int, at::Tensor>(3)), 0);
  EXPECT_EQ(count_tensors(std::make_unique<std::vector<at::Tensor>>(2, kOne)), 2);
  EXPECT_EQ(count_tensors(std::unique_ptr<at::Tensor>()), 0);
  EXPECT_EQ(count_tensors(std::deque<at::Tensor>(3, kOne)), 3);
  EXPECT_EQ(count_tensors(std::set<std::string>{"a"}), 0);
  EXPECT_EQ(count_tensors(std::vector<bool>{true}), 0);
  EXPECT_EQ(count_tensors(Mixed{kOne, NoDefault(1), at::Tensor(kOne), {kOne, kOne}}), 4);
}

TEST(Parts, OfAnUnorderedMapComeInOrderOfTheKeys) {
  for (const bool backwards : {false, true}) {
    std::unordered_map<int, at::Tensor> map;
    for (int i = 0; i < 50; ++i) {
      const int key = backwards ? 49 - i : i;
      map[key] = at::full({1}, key);
    }
    int next = 0;
    visit_tensors(map, [&](at::Tensor& tensor) { EXPECT_EQ(tensor.item<int>(), next++); });
  }
}

}  // namespace
}  // namespace accelerate::internal
