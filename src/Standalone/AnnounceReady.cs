using System.Globalization;
using System.Net;
using System.Text;

namespace Tracking.Standalone;

/// <summary>Writes to standard output that the process serves, at which addresses, and with which key.</summary>
internal static class AnnounceReady
{
    /// <summary>Writes the whole text at once.</summary>
    /// <param name="output">Standard output.</param>
    /// <param name="took">The duration of the start.</param>
    /// <param name="folder">The data folder.</param>
    /// <param name="listeners">The addresses on which the process listens.</param>
    /// <param name="demo">What the demo made; <see langword="null"/> without.</param>
    /// <param name="newAdminKey">The admin key to show; <see langword="null"/> to show only its file.</param>
    public static async Task WriteAsync(
        TextWriter output,
        TimeSpan took,
        DataFolder folder,
        BindListeners listeners,
        string? demo,
        string? newAdminKey)
    {
        var text = new StringBuilder()
            .AppendLine(CultureInfo.InvariantCulture, $"Tracking is ready in {took.TotalSeconds:0.0} s")
            .AppendLine(CultureInfo.InvariantCulture, $"  API        {Urls("http", listeners.Http)}")
            .AppendLine(
                CultureInfo.InvariantCulture,
                $"  edge       {Urls("http", listeners.Edge)} {Urls("https", listeners.EdgeTls)}")
            .AppendLine(CultureInfo.InvariantCulture, $"  data       {folder.Path}");
        if (demo is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  demo       {demo}")
                .AppendLine(CultureInfo.InvariantCulture, $"  console    {listeners.Api}, sign in with the admin key");
        }

        if (newAdminKey is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  admin key  {newAdminKey} (kept in {folder.AdminKey})");
        }
        else if (File.Exists(folder.AdminKey))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  admin key  in {folder.AdminKey}");
        }

        await output.WriteAsync(text);
        await output.FlushAsync();
    }

    private static string Urls(string scheme, IEnumerable<IPEndPoint> endpoints) =>
        string.Join(" ", endpoints.Select(endpoint => $"{scheme}://{endpoint}"));
}
