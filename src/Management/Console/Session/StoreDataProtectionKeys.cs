using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tracking.Database;
using Tracking.Links;

namespace Tracking.Management.Console.Session;

/// <summary>
/// Stores in the database the keys that seal sessions and form tokens. So every copy of this service can open the
/// cookies of the other copies, and a restart signs nobody out. The keys are encrypted under the master key.
/// </summary>
internal sealed class StoreDataProtectionKeys(ApiDataSource dataSource) : IXmlRepository
{
    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var command = dataSource.CreateCommand("SELECT xml FROM management.data_protection_keys ORDER BY id");
        using var reader = command.ExecuteReader();
        var elements = new List<XElement>();
        while (reader.Read())
        {
            elements.Add(XElement.Parse(reader.GetString(0)));
        }

        return elements;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        using var command = dataSource.CreateCommand(
            "INSERT INTO management.data_protection_keys (name, xml) VALUES ($1, $2)");
        command.Parameters.Add(new() { Value = friendlyName });
        command.Parameters.Add(new() { Value = element.ToString(SaveOptions.DisableFormatting) });
        command.ExecuteNonQuery();
    }

    /// <summary>Adds the key ring.</summary>
    public static void Add(IServiceCollection services)
    {
        // Standalone and the separate service are the same application.
        services.AddDataProtection().SetApplicationName("Tracking console");
        services.AddSingleton<StoreDataProtectionKeys>();
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider =>
            new ConfigureOptions<KeyManagementOptions>(options =>
            {
                options.XmlRepository = provider.GetRequiredService<StoreDataProtectionKeys>();
                options.XmlEncryptor = new SealXml(provider.GetRequiredService<MasterKey>());
            }));
    }
}

/// <summary>Encrypts a key of the ring under the master key.</summary>
internal sealed class SealXml(MasterKey masterKey) : IXmlEncryptor
{
    internal const string Purpose = "data protection key";
    private const string Element = "sealed";

    /// <summary>The element of a stored key that holds the sealed text; <see langword="null"/> if there is
    /// none.</summary>
    internal static XElement? Find(XElement key) => key.Descendants(Element).FirstOrDefault();

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        var text = plaintextElement.ToString(SaveOptions.DisableFormatting);
        return new EncryptedXmlInfo(
            new XElement(Element, Convert.ToBase64String(
                masterKey.Seal(System.Text.Encoding.UTF8.GetBytes(text), Purpose))),
            typeof(OpenXml));
    }
}

/// <summary>Decrypts the keys that <see cref="SealXml"/> encrypted. The stored key names this class.</summary>
internal sealed class OpenXml(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement)
    {
        var opened = services.GetRequiredService<MasterKey>()
            .Open(Convert.FromBase64String(encryptedElement.Value), SealXml.Purpose)
            ?? throw new InvalidOperationException(
                "A session key of the console was sealed under another master key; its sessions have ended.");
        return XElement.Parse(System.Text.Encoding.UTF8.GetString(opened));
    }
}
