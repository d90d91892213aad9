package import Queries
import ReadModel

/// The projections of a server that may be running, opened only for reading.
package struct ReadOnlyQueries {
    package let rooms: RoomQueries
    package let accounts: AccountQueries

    package init(data: DataDirectory) throws {
        let views = try Views(directory: data.views, readOnly: true)
        rooms = RoomQueries(views: views)
        accounts = AccountQueries(views: views)
    }
}
