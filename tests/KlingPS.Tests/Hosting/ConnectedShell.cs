using System.Security;
using KlingPS.Sandbox;
using KlingPS.Sandbox.Hosting;

namespace KlingPS.Tests.Hosting;

/// <summary>A shell that is connected to a sandbox of its own, and a folder for its files.</summary>
internal sealed class ConnectedShell : IAsyncDisposable
{
    public const string Key = "test-key-4f8d1c0a97";

    /// <summary>Left alone, a wait asks when tasks are likely to be finished, which the tests' common ledger learns from all of them.</summary>
    private const string PollOften = "$PSDefaultParameterValues = @{ 'ConvertTo-KlingVideo:PollingInterval' = 0.1; 'Wait-KlingVideoTask:PollingInterval' = 0.1 }";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    private ConnectedShell(SandboxServer server, RecordingHost? host)
    {
        Server = server;
        Shell = new HostedShell(host);
    }

    public HostedShell Shell { get; }

    public SandboxServer Server { get; }

    public SandboxBill Bill => Server.GetBill();

    public string Folder => _folder.FullName;

    /// <summary>Where videos go; not there yet.</summary>
    public string Destination => Path.Combine(Folder, "videos");

    /// <summary>A sandbox whose tasks are finished when they are accepted, unless a clock or a time is given.</summary>
    public static async Task<ConnectedShell> StartAsync(TimeProvider? clock = null, TimeSpan? generationTime = null, decimal credits = 10_000, RecordingHost? host = null, string[]? moreKeys = null, string[]? otherAccounts = null, decimal priceFactor = 1)
    {
        SandboxServer server = Start(port => new SandboxOptions
        {
            Port = port,
            ApiKey = Key,
            MoreKeys = moreKeys ?? [],
            OtherAccounts = otherAccounts ?? [],
            Credits = credits,
            PriceFactor = priceFactor,
            GenerationTime = generationTime ?? TimeSpan.Zero,
            TimeProvider = clock ?? TimeProvider.System,
        });
        var shell = new ConnectedShell(server, host);
        (await shell.ConnectAsync()).Clean();
        (await shell.RunAsync(PollOften)).Clean();
        return shell;
    }

    /// <summary>Connects to the sandbox, without a look whether the key is good.</summary>
    public Task<ShellResult> ConnectAsync(string key = Key)
        => RunAsync(
            "Connect-KlingAccount -ApiKey $key -Endpoint $server.Endpoint -UploadEndpoint $server.UploadEndpoint -SkipVerification",
            new { key = Secure(key), server = Server });

    public static SecureString Secure(string text)
    {
        var secure = new SecureString();
        foreach (char c in text)
        {
            secure.AppendChar(c);
        }

        return secure;
    }

    public Task<ShellResult> RunAsync(string script, object? variables = null) => Shell.RunAsync(script, variables);

    /// <summary>Makes something go wrong. Requests hold random hexadecimal digits, so <paramref name="match"/> should be no word made of a to f alone.</summary>
    public void Fault(SandboxOperation on, SandboxFaultKind kind, string? match = null, int skip = 0, int count = 1, TimeSpan delay = default, int? code = null)
        => Server.AddFault(new SandboxFault { Operation = on, FaultKind = kind, Match = match, Skip = skip, Count = count, Delay = delay, Code = code });

    /// <summary>Writes an image whose content is unlike that of any other name.</summary>
    public string Image(string name = "image.png") => WriteFile(name, TestImage.Png(name));

    public string[] Images(params string[] names) => [.. names.Select(Image)];

    public string WriteFile(string name, byte[] content)
    {
        string path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>Starts it on a port that no other sandbox gets. To the common ledger, the same address is the same service, with the accounts and tasks of another test.</summary>
    private static SandboxServer Start(Func<int, SandboxOptions> optionsOf)
    {
        while (true)
        {
            try
            {
                return SandboxServer.Start(optionsOf(LoopbackPort.Reserve()));
            }
            catch (IOException)
            {
                // Another process has taken it in between.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Shell.Dispose();
        await Server.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
