@main
enum Engram {
    static func main() {}
}
