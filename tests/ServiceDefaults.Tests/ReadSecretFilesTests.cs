using Microsoft.Extensions.Configuration;
using Tracking.ServiceDefaults.Hosting;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.ServiceDefaults.Tests;

public sealed class ReadSecretFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("secrets-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_is_a_setting_without_its_last_line_break_and_wins_over_a_variable()
    {
        Write("ConnectionStrings__tracking", "Host=file;Password=a b\n");
        Write("Tracking__MasterKey", "from-file");

        var configuration = Read(("ConnectionStrings:tracking", "Host=variable"), ("Tracking:SystemHost", "kept"));

        Assert.Equal("Host=file;Password=a b", configuration.GetConnectionString("tracking"));
        Assert.Equal("from-file", configuration["Tracking:MasterKey"]);
        Assert.Equal("kept", configuration["Tracking:SystemHost"]);
    }

    [Fact]
    public void Links_into_a_hidden_folder_are_followed_and_the_folder_is_no_setting()
    {
        // How Kubernetes mounts a secret, so that all of it changes at once.
        Directory.CreateDirectory(Path.Combine(_folder, "..2026_11_21"));
        Write("..2026_11_21/Tracking__MasterKey", "mounted");
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..2026_11_21");
        File.CreateSymbolicLink(Path.Combine(_folder, "Tracking__MasterKey"), "..data/Tracking__MasterKey");

        var configuration = Read();

        Assert.Equal("mounted", configuration["Tracking:MasterKey"]);
        Assert.Equal(["Tracking"], configuration.GetChildren().Select(child => child.Key).Except([Variable]));
    }

    [Fact]
    public void A_folder_that_is_not_there_is_a_wrong_setting()
    {
        Directory.Delete(_folder);
        try
        {
            var wrong = Assert.Throws<StartUpException>(() => Read());
            Assert.StartsWith($"{Variable}: got \"{_folder}\"", wrong.Message);
            Assert.Equal(StartUp.ConfigurationError, wrong.ExitCode);
        }
        finally
        {
            Directory.CreateDirectory(_folder);
        }
    }

    private static string Variable => ReadSecretFiles.Variable;

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    private ConfigurationManager Read(params (string Key, string Value)[] variables)
    {
        var configuration = new ConfigurationManager();
        configuration.AddInMemoryCollection(variables
            .Append((Variable, _folder))
            .Select(pair => KeyValuePair.Create(pair.Item1, (string?)pair.Item2)));
        configuration.AddSecretFiles();
        return configuration;
    }
}
