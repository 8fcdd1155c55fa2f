using DotNet.Testcontainers.Configurations;

namespace Tracking.Servers.Engines;

/// <summary>
/// The form in which the tests run PostgreSQL, RabbitMQ and Redis. The variable <c>TRACKING_TEST_ENGINES</c> chooses
/// it: <c>local</c>, <c>containers</c>, or <c>auto</c> (the default): containers if a container engine answers. Each
/// suite prints the choice once.
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
    /// <exception cref="InvalidOperationException">The variable has another value, or it requires containers and no
    /// container engine answers.</exception>
    public static string Chosen => _chosen.Value;

    /// <summary>Decides without examining the machine.</summary>
    /// <param name="asked">The variable's value.</param>
    /// <param name="answers">Whether a container engine answers; called only if the decision needs it.</param>
    /// <exception cref="InvalidOperationException">The same as for <see cref="Chosen"/>.</exception>
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
        // Testcontainers tries each container engine that it knows.
        var chosen = Choose(
            Environment.GetEnvironmentVariable(Variable),
            () => TestcontainersSettings.OS.DockerEndpointAuthConfig is not null);
        Console.Error.WriteLine($"Engines: {chosen}");
        return chosen;
    }
}
