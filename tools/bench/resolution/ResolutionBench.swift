/// Measures state resolution on large generated rooms.
@main
enum ResolutionBench {
    static func main() {}
}
