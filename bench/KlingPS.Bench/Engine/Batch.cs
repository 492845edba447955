using System.Globalization;
using System.Text.Json;
using KlingPS.Core.Api;
using KlingPS.Torture;

namespace KlingPS.Bench.Engine;

/// <summary>A folder of images with its videos and its ledger.</summary>
internal sealed class Batch
{
    private readonly string _folder;

    /// <param name="root">The folder for all measurements.</param>
    /// <param name="name">The folder's name in it.</param>
    /// <param name="images">How many images.</param>
    /// <param name="ledgerPath">The ledger to continue with; omitted, the batch gets its own.</param>
    public Batch(string root, string name, int images, string? ledgerPath = null)
    {
        _folder = Path.Combine(root, name);
        Count = images;
        LedgerPath = ledgerPath ?? Path.Combine(_folder, "ledger.db");
        ImageFolder.Fill(Images, images, seed: Random.Shared.Next());

        // As with any user's images, some time has passed since they were written.
        foreach (string path in Directory.EnumerateFiles(Images))
        {
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-1));
        }
    }

    public int Count { get; }

    public string LedgerPath { get; }

    public string Images => Path.Combine(_folder, "images");

    public string Videos => Path.Combine(_folder, "videos");

    /// <summary>Converts the folder with the engine alone, in a process of its own.</summary>
    /// <param name="sandbox">The service.</param>
    /// <param name="warmUp">A sandbox to warm up with, so that the code is compiled when the measurement starts.</param>
    /// <param name="hold">How long to keep all tasks in flight, and then give up; <see langword="null"/> to wait for all videos.</param>
    public Task<ClientReport> ConvertAsync(SandboxProcess sandbox, SandboxProcess? warmUp = null, TimeSpan? hold = null)
        => ConvertAsync(sandbox.Endpoints, warmUp, hold);

    /// <inheritdoc cref="ConvertAsync(SandboxProcess, SandboxProcess, TimeSpan?)"/>
    /// <param name="endpoints">Where the service is.</param>
    /// <param name="warmUp">A sandbox to warm up with.</param>
    /// <param name="hold">How long to keep all tasks in flight.</param>
    public async Task<ClientReport> ConvertAsync(KlingEndpoints endpoints, SandboxProcess? warmUp = null, TimeSpan? hold = null)
    {
        List<string> arguments =
        [
            "convert", "--images", Images, "--out", Videos, "--ledger", LedgerPath,
            "--endpoint", endpoints.Api.AbsoluteUri, "--upload-endpoint", endpoints.Upload.AbsoluteUri,
        ];
        var environment = new Dictionary<string, string>();
        if (warmUp is not null)
        {
            arguments.AddRange(["--warm-up-endpoint", warmUp.Endpoints.Api.AbsoluteUri, "--warm-up-upload-endpoint", warmUp.Endpoints.Upload.AbsoluteUri]);

            // Compiles no method twice. Otherwise the compiler keeps coming back for minutes, longer than the tasks take.
            environment["DOTNET_TieredCompilation"] = "0";
        }

        if (hold is TimeSpan time)
        {
            arguments.AddRange(["--hold", time.TotalSeconds.ToString(CultureInfo.InvariantCulture)]);
        }

        return JsonSerializer.Deserialize<ClientReport>(await Programs.ReadToEndAsync(Programs.StartSelf(arguments, environment)))!;
    }

    /// <summary>Converts the folder in a PowerShell of its own.</summary>
    /// <param name="sandbox">The service.</param>
    /// <param name="script">What PowerShell does; it has $module, $images, $videos, $prompt and $hold, and writes numbers as a last line.</param>
    /// <param name="hold">How long the script may watch the tasks.</param>
    /// <returns>The numbers.</returns>
    public Task<double[]> ConvertInShellAsync(SandboxProcess sandbox, string script, TimeSpan hold = default) => ConvertInShellAsync(sandbox.Endpoints, script, hold);

    /// <inheritdoc cref="ConvertInShellAsync(SandboxProcess, string, TimeSpan)"/>
    /// <param name="endpoints">Where the service is.</param>
    /// <param name="script">What PowerShell does.</param>
    /// <param name="hold">How long the script may watch the tasks.</param>
    public async Task<double[]> ConvertInShellAsync(KlingEndpoints endpoints, string script, TimeSpan hold = default)
    {
        string preamble = string.Create(
            CultureInfo.InvariantCulture,
            $"$ErrorActionPreference = 'Stop'; $module = '{Shell.Module}'; $images = '{Images}'; $videos = '{Videos}'; $prompt = '{ConvertMode.Prompt}'; $hold = {hold.TotalSeconds}\n");
        string output = await Shell.RunAsync(preamble + script, new()
        {
            ["KLINGPS_ENDPOINT"] = endpoints.Api.AbsoluteUri,
            ["KLINGPS_UPLOAD_ENDPOINT"] = endpoints.Upload.AbsoluteUri,
            ["KLINGPS_LEDGER"] = LedgerPath,
        });
        return [.. output.Trim().Split('\n')[^1].Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture))];
    }
}
