using Microsoft.Extensions.Configuration;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.ServiceDefaults.Settings;

/// <summary>
/// Settings from files: one file per setting, named like the variable (<c>ConnectionStrings__tracking</c>), in the
/// folder of <c>TRACKING_SECRETS</c>. Compose, Kubernetes and systemd provide secrets in this form. A variable would be
/// visible to everyone who may see the process or its definition.
/// </summary>
public static class ReadSecretFiles
{
    /// <summary>The variable that names the folder.</summary>
    public const string Variable = "TRACKING_SECRETS";

    /// <summary>Adds the files of the folder, if there is one. A file wins over a variable of the same name.</summary>
    /// <exception cref="StartUpException">The folder or a file in it cannot be read.</exception>
    public static void AddSecretFiles(this IConfigurationManager configuration)
    {
        var folder = configuration[Variable];
        if (string.IsNullOrWhiteSpace(folder))
        {
            return;
        }

        try
        {
            configuration.AddKeyPerFile(Path.GetFullPath(folder));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StartUpException(
                $"{Variable}: got \"{folder}\" ({exception.Message.TrimEnd('.')}), takes a folder with a file for each "
                + "secret setting");
        }
    }
}
