using Tracking.Servers;

[assembly: AssemblyFixture(typeof(TestPostgres))]
[assembly: AssemblyFixture(typeof(TestRedis))]
[assembly: AssemblyFixture(typeof(PreparedDataFolder))]
[assembly: AssemblyFixture(typeof(TestRabbit))]
