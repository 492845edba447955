using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Display;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class VideoFilesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-videos-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task PowerShell_is_asked_for_one_video_of_each_folder()
    {
        string[] paths = [.. new[] { "a/1.mp4", "a/2 [x].mp4", "b/3.mp4", "b/4.mp4", "b/5.mp4" }.Select(name => Path.Combine(_folder.FullName, name.Replace('/', Path.DirectorySeparatorChar)))];
        foreach (string path in paths)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, path);
        }

        using var shell = new HostedShell();
        ShellResult given = await shell.RunAsync("foreach ($path in $paths) { $ExecutionContext.InvokeProvider.Item.Get(@($path), $true, $true) }", new { paths });
        var asked = new List<string>();
        var files = new VideoFiles(path =>
        {
            asked.Add(path);
            return given.Output[Array.IndexOf(paths, path)];
        });

        List<PSObject> emitted = [.. paths.Select(path => files.From(new SavedVideo(path, new KlingVideoTask())))];

        Assert.Equal([paths[0], paths[2]], asked);
        Assert.All(emitted.Zip(given.Output), pair => Assert.Equal(Describe(pair.Second), Describe(pair.First)));

        // In the order of PowerShell, and without what the module adds.
        static IEnumerable<string> Describe(PSObject file) => file.Properties.Match("*", PSMemberTypes.NoteProperty)
            .Where(note => note.Name is not ("TaskId" or "SourcePath" or "Result")).Select(note => $"{note.Name} = {note.Value}");
    }
}
