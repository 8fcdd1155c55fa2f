using System.Diagnostics;
using System.Text.Json;
using Tracking.Servers;

namespace Tracking.System.Tests;

/// <summary><c>trackctl</c> as an operator's script runs it.</summary>
/// <param name="api">The API's address.</param>
/// <param name="key">An API key.</param>
internal sealed class Trackctl(Uri api, string key)
{
    /// <summary>Runs a command, which must succeed.</summary>
    /// <returns>The JSON that it prints.</returns>
    public async Task<JsonElement> RunAsync(string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(
            new ProcessStartInfo("dotnet", [BuiltPrograms.Cli + ".dll", .. arguments, "--json"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment = { ["TRACKING_URL"] = api.ToString(), ["TRACKING_KEY"] = key },
            })!;
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            Assert.True(
                process.ExitCode == 0,
                $"trackctl {string.Join(' ', arguments)} ended with {process.ExitCode}\n{output}\n{await error}");
            return JsonDocument.Parse(output).RootElement;
        }
        finally
        {
            process.Kill();
        }
    }
}
