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
    public async Task What_PowerShell_says_of_a_folder_in_the_place_of_a_video_is_not_said_of_other_videos()
    {
        string first = Path.Combine(_folder.FullName, "1.mp4");
        string second = Path.Combine(_folder.FullName, "2.mp4");
        Directory.CreateDirectory(first);
        await File.WriteAllTextAsync(second, second);
        using var shell = new HostedShell();
        ShellResult given = await shell.RunAsync("$ExecutionContext.InvokeProvider.Item.Get(@($first, $second), $true, $true)", new { first, second });
        var files = new VideoFiles(path => given.Output[path == first ? 0 : 1]);

        files.From(new SavedVideo(first, new KlingVideoTask()));

        Assert.Equal(false, files.From(new SavedVideo(second, new KlingVideoTask())).Properties["PSIsContainer"].Value);
    }

    [Fact]
    public async Task PowerShell_is_asked_again_only_when_a_video_is_in_another_folder()
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
