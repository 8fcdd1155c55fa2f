using DotNet.Testcontainers.Configurations;

namespace Tracking.Servers.Engines;

/// <summary>
/// In which form the tests run PostgreSQL, RabbitMQ and Redis. The variable <c>TRACKING_TEST_ENGINES</c> says it:
/// <c>local</c>, <c>containers</c>, or <c>auto</c> (the default): containers where a container engine answers. The choice
/// stands once in each suite's output.
/// </summary>
public static class EngineKind
{
    /// <summary>The name of the variable.</summary>
    public const string Variable = "TRACKING_TEST_ENGINES";

    /// <summary>Programs of this machine.</summary>
    public const string Local = "local";

    /// <summary>Containers, by Testcontainers.</summary>
    public const string Containers = "containers";

    private const string Auto = "auto";

    private static readonly Lazy<string> _chosen = new(Choose);

    /// <summary><see cref="Local"/> or <see cref="Containers"/>.</summary>
    /// <exception cref="InvalidOperationException">The variable holds something else, or it asks for containers and no
    /// container engine answers.</exception>
    public static string Chosen => _chosen.Value;

    /// <summary>Decides without a look at the machine.</summary>
    /// <param name="asked">The variable's value.</param>
    /// <param name="answers">Whether a container engine answers; asked where the decision needs it.</param>
    /// <exception cref="InvalidOperationException">As <see cref="Chosen"/>.</exception>
    public static string Choose(string? asked, Func<bool> answers) => asked switch
    {
        Local => Local,
        Containers when answers() => Containers,
        Containers => throw new InvalidOperationException(
            $"{Variable} is '{Containers}' and no container engine answers: start one, or set it to '{Local}'."),
        null or "" or Auto => answers() ? Containers : Local,
        _ => throw new InvalidOperationException(
            $"{Variable} is '{asked}'; it takes '{Auto}', '{Local}' or '{Containers}'."),
    };

    private static string Choose()
    {
        // Testcontainers asks each engine that it knows of whether it is there.
        var chosen = Choose(
            Environment.GetEnvironmentVariable(Variable),
            () => TestcontainersSettings.OS.DockerEndpointAuthConfig is not null);
        Console.Error.WriteLine($"Engines: {chosen}");
        return chosen;
    }
}
