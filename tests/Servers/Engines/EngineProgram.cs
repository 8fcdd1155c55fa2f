namespace Tracking.Servers.Engines;

/// <summary>The program of an engine. It listens on 127.0.0.1 in both forms, because a container shares the machine's
/// network.</summary>
public sealed record EngineProgram
{
    /// <summary>The image of the container.</summary>
    public required string Image { get; init; }

    /// <summary>The program of this machine and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>The program of the image and its arguments; <see cref="Command"/> unless set.</summary>
    public IReadOnlyList<string>? ContainerCommand { get; init; }

    /// <summary>The working directory with configuration and data. A container has it under the same path.</summary>
    public required string Folder { get; init; }

    /// <summary>The environment variables.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Starts the program in the form of this run.</summary>
    public async Task<IEngine> StartAsync() =>
        EngineKind.Chosen == EngineKind.Containers
            ? await ContainerEngine.StartAsync(this)
            : new LocalEngine(await ServerProcess.StartAsync(Command, Folder, Environment));
}
