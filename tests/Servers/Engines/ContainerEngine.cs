using System.Runtime.InteropServices;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;

namespace Tracking.Servers.Engines;

/// <summary>
/// A container for one start, by Testcontainers. Its folder belongs to the machine and outlives it. The container
/// shares the machine's network and runs as the user of the tests, so the same configuration and ports work for both
/// forms.
/// </summary>
internal sealed partial class ContainerEngine : IEngine
{
    private readonly IContainer _container;
    private readonly Task _ended;
    private bool _isFrozen;

    private ContainerEngine(IContainer container) => (_container, _ended) = (container, WaitAsync(container));

    /// <summary>The user of the tests and his group, as numbers: <c>1000:1000</c>.</summary>
    public static string OwnUser { get; } = $"{EffectiveUser()}:{EffectiveGroup()}";

    public bool HasExited => _ended.IsCompleted;

    /// <summary>Creates the container and starts it.</summary>
    /// <param name="program">The program of the container.</param>
    /// <param name="user">The numbers of the user in the container and of the user's group. The default is the tests'
    /// user.</param>
    /// <param name="files">Other visible files, by their path in the container.</param>
    public static async Task<ContainerEngine> StartAsync(
        EngineProgram program, string? user = null, IReadOnlyDictionary<string, string>? files = null)
    {
        var command = program.ContainerCommand ?? program.Command;
        var builder = new ContainerBuilder(program.Image)
            .WithEntrypoint(command[0])
            .WithCommand([.. command.Skip(1)])
            .WithEnvironment(program.Environment)
            .WithWorkingDirectory(program.Folder)
            .WithBindMount(program.Folder, program.Folder)
            // Stopping the container kills it. A separate signal requests an orderly stop.
            .WithCreateParameterModifier(create =>
            {
                (create.HostConfig ??= new()).NetworkMode = "host";
                create.StopSignal = "SIGKILL";
                create.User = user ?? OwnUser;
            });
        foreach (var (path, file) in files ?? new Dictionary<string, string>())
        {
            builder = builder.WithBindMount(file, path, DotNet.Testcontainers.Configurations.AccessMode.ReadOnly);
        }

        var container = builder.Build();
        await container.StartAsync();
        return new ContainerEngine(container);
    }

    public async Task<string> ReadOutputAsync()
    {
        var (output, errors) = await _container.GetLogsAsync(timestampsEnabled: false);
        return output + errors;
    }

    public async Task StopAsync(string signal, CancellationToken cancellationToken)
    {
        if (!HasExited)
        {
            await _container.ExecAsync(["kill", "-" + signal, "1"], cancellationToken);
            await _ended.WaitAsync(Eventually.Deadline, cancellationToken);
        }
    }

    public async Task KillAsync()
    {
        if (!HasExited)
        {
            await ThawAsync();
            await _container.StopAsync();
            await _ended.WaitAsync(Eventually.Deadline);
        }
    }

    public async Task FreezeAsync()
    {
        await _container.PauseAsync();
        _isFrozen = true;
    }

    public async Task ThawAsync()
    {
        if (_isFrozen)
        {
            await _container.UnpauseAsync();
            _isFrozen = false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await _container.DisposeAsync();
    }

    /// <summary>Waits until the container ends.</summary>
    /// <returns>The exit code.</returns>
    public async Task<long> EndAsync()
    {
        await _ended.WaitAsync(Eventually.Deadline);
        return await _container.GetExitCodeAsync();
    }

    private static async Task WaitAsync(IContainer container) => await container.GetExitCodeAsync();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "getegid")]
    private static partial uint EffectiveGroup();
}
