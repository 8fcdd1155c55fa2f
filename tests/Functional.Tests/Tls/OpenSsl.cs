using System.Diagnostics;

namespace Tracking.Functional.Tests.Tls;

/// <summary>OpenSSL's own client, which is independent of .NET.</summary>
internal static class OpenSsl
{
    /// <summary>Runs <c>openssl s_client</c>, sends the text and ends.</summary>
    public static Task<string> ClientAsync(int port, string name, string sent, params string[] more) =>
        RunAsync(port, name, sent, ends: true, more);

    /// <summary>Sends the text and waits until the server ends.</summary>
    public static Task<string> UntilEndedAsync(int port, string name, string sent, params string[] more) =>
        RunAsync(port, name, sent, ends: false, more);

    private static async Task<string> RunAsync(int port, string name, string sent, bool ends, string[] more)
    {
        var start = new ProcessStartInfo("openssl")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "s_client", "-connect", $"127.0.0.1:{port}", "-servername", name },
        };
        foreach (var argument in more)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.StandardInput.WriteAsync(sent);
            await process.StandardInput.FlushAsync();
            if (ends)
            {
                process.StandardInput.Close();
            }
        }
        catch (IOException)
        {
            // The client has already ended, because it was refused.
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
        }

        return await output + await errors;
    }
}
