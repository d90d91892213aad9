/// The short number that stands for a room id in keys and rows; 0 is no room.
package struct RoomNum: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let none = RoomNum(rawValue: 0)
    package var isNone: Bool { rawValue == 0 }
    package static func < (left: RoomNum, right: RoomNum) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "room \(rawValue)" }
}

/// The short number that stands for a user id in keys and rows; 0 is no user.
package struct UserNum: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let none = UserNum(rawValue: 0)
    package var isNone: Bool { rawValue == 0 }
    package static func < (left: UserNum, right: UserNum) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "user \(rawValue)" }
}

/// The short number that stands for an event type with a state key; 0 is no entry of state.
package struct SlotNum: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let none = SlotNum(rawValue: 0)
    package var isNone: Bool { rawValue == 0 }
    package static func < (left: SlotNum, right: SlotNum) -> Bool { left.rawValue < right.rawValue }
    package var description: String { "slot \(rawValue)" }
}
