// The members of a plain struct (an aggregate without base classes), one by one.
//
//   visit_members(output, [](auto& member) { use(member); });
//
// Up to 32 members. A struct that cannot be taken apart does not compile, and the message says what
// to do.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace accelerate::internal {

// Converts to any member's type, for counting the members of an aggregate.
struct AnyMember {
  template <class T>
  operator T() const;
};
template <size_t>
using Any = AnyMember;

// Converts to base classes only; an aggregate initialises those before its members.
template <class Derived>
struct AnyBase {
  template <class T>
  requires(std::is_base_of_v<T, Derived> && !std::is_same_v<T, Derived>) operator T() const;
};

inline constexpr size_t kMostMembers = 32;

template <class T, size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{Any<I>()...}; };
}

// Returns one more than kMostMembers if there are too many. Counts down, because a member without a
// default must always be given.
template <class T, size_t most = kMostMembers + 1>
constexpr size_t count_members() {
  if constexpr (most == 0 || takes<T>(std::make_index_sequence<most>())) {
    return most;
  } else {
    return count_members<T, most - 1>();
  }
}

template <class T>
inline constexpr bool has_base = requires {
  T{AnyBase<T>()};
};

template <class T, size_t... Before, size_t... After>
constexpr bool takes_empty(std::index_sequence<Before...>, std::index_sequence<After...>) {
  return requires { T{Any<Before>()..., {}, Any<After>()...}; };
}

// Whether `{}` at this place stands for more than one of `count` initialisers, as for an array.
template <class T, size_t count, size_t place, size_t fewer = 0>
constexpr bool is_array() {
  if constexpr (place + fewer == count) {
    return false;
  } else if constexpr (takes_empty<T>(std::make_index_sequence<place>(),
                                      std::make_index_sequence<count - place - 1 - fewer>())) {
    return fewer > 0;
  } else {
    return is_array<T, count, place, fewer + 1>();
  }
}

template <class T, size_t count, size_t... Place>
constexpr bool has_array(std::index_sequence<Place...>) {
  return (is_array<T, count, Place>() || ...);
}

// Checks that the struct can be taken apart, and counts its members.
template <class T>
constexpr size_t checked_count() {
  constexpr size_t count = count_members<T>();
  static_assert(!has_base<T>,
                "accelerate cannot look into this struct, because it has a base class: make that a "
                "member, or write `auto accelerate_parts(Struct& value) { return "
                "std::tie(value.a, value.b); }` in the struct's namespace");
  static_assert(count <= kMostMembers,
                "accelerate cannot look into this struct, because it has more than 32 members: "
                "group them, or write `auto accelerate_parts(Struct& value) { return "
                "std::tie(value.a, value.b); }` in the struct's namespace");
  static_assert(count > 0 || std::is_empty_v<T>,
                "accelerate cannot look into this struct, because it has a member that nothing "
                "can be copied into, such as a reference: hold a value, or write `auto "
                "accelerate_parts(Struct& value) { return std::tie(value.a, value.b); }` in the "
                "struct's namespace");
  if constexpr (count > 0 && count <= kMostMembers) {
    static_assert(!has_array<T, count>(std::make_index_sequence<count>()),
                  "accelerate cannot look into this struct, because a member is an array: make it "
                  "a std::array");
  }
  return count;
}

template <class T, class Visit>
void visit_members(T& value, Visit&& visit) {
  constexpr size_t count = checked_count<std::remove_cv_t<T>>();
  const auto each = [&visit](auto&... members) { (visit(members), ...); };
  if constexpr (count == 1) {
    auto& [m1] = value;
    each(m1);
  } else if constexpr (count == 2) {
    auto& [m1, m2] = value;
    each(m1, m2);
  } else if constexpr (count == 3) {
    auto& [m1, m2, m3] = value;
    each(m1, m2, m3);
  } else if constexpr (count == 4) {
    auto& [m1, m2, m3, m4] = value;
    each(m1, m2, m3, m4);
  } else if constexpr (count == 5) {
    auto& [m1, m2, m3, m4, m5] = value;
    each(m1, m2, m3, m4, m5);
  } else if constexpr (count == 6) {
    auto& [m1, m2, m3, m4, m5, m6] = value;
    each(m1, m2, m3, m4, m5, m6);
  } else if constexpr (count == 7) {
    auto& [m1, m2, m3, m4, m5, m6, m7] = value;
    each(m1, m2, m3, m4, m5, m6, m7);
  } else if constexpr (count == 8) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8);
  } else if constexpr (count == 9) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9);
  } else if constexpr (count == 10) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10);
  } else if constexpr (count == 11) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11);
  } else if constexpr (count == 12) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12);
  } else if constexpr (count == 13) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13);
  } else if constexpr (count == 14) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14);
  } else if constexpr (count == 15) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15);
  } else if constexpr (count == 16) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16);
  } else if constexpr (count == 17) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17);
  } else if constexpr (count == 18) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18);
  } else if constexpr (count == 19) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19] =
        value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19);
  } else if constexpr (count == 20) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20);
  } else if constexpr (count == 21) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21);
  } else if constexpr (count == 22) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22);
  } else if constexpr (count == 23) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23);
  } else if constexpr (count == 24) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24);
  } else if constexpr (count == 25) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25);
  } else if constexpr (count == 26) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26);
  } else if constexpr (count == 27) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26, m27] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26, m27);
  } else if constexpr (count == 28) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26, m27, m28] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26, m27, m28);
  } else if constexpr (count == 29) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26, m27, m28, m29] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26, m27, m28, m29);
  } else if constexpr (count == 30) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26, m27, m28, m29, m30);
  } else if constexpr (count == 31) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31);
  } else if constexpr (count == 32) {
    auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19,
           m20, m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32] = value;
    each(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18, m19, m20,
         m21, m22, m23, m24, m25, m26, m27, m28, m29, m30, m31, m32);
  }
}

}  // namespace accelerate::internal
