using System.Security.Cryptography;
using Tracking.Links;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone;

/// <summary>Creates the key that seals signing keys, on the first start.</summary>
internal static class CreateMasterKey
{
    /// <summary>Creates the file unless it exists.</summary>
    /// <exception cref="StartUpException">
    /// The file is missing although the database exists. A new key could not open the signing keys, so no sent link
    /// would work any more.
    /// </exception>
    public static void UnlessThere(DataFolder folder)
    {
        if (File.Exists(folder.MasterKey))
        {
            return;
        }

        if (Directory.Exists(folder.Cluster))
        {
            throw new StartUpException(
                $"{folder.MasterKey} is missing: restore it. Without it the links already sent cannot be verified.",
                StartUp.Failed);
        }

        var material = RandomNumberGenerator.GetBytes(MasterKey.Size);
        DataFolder.WriteSecret(folder.MasterKey, Convert.ToBase64String(material) + "\n");
    }
}
