from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        ('artifacts', '0013_actor_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='PieceTimes',
            fields=[
                ('artifact', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='piece_times', serialize=False, to='artifacts.artifact')),
                ('epoch', models.PositiveIntegerField()),
                ('packed', models.BinaryField()),
            ],
        ),
    ]
